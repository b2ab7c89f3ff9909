export { checkMachineConfig } from "./check.ts";
export { composeMachineConfig, type MachineFacts, nvidiaModules } from "./compose.ts";
export { type ConfigDifference, diffConfig } from "./diff.ts";
export { parseDocuments, printDocuments } from "./documents.ts";
export { patchDocuments } from "./merge.ts";
export type { ConfigProblem, Expected } from "./rules/rule.ts";
export { canonicalSchematic, type Schematic, schematicId } from "./schematic.ts";
export { type ImportedCluster, importTalhelper } from "./talhelper.ts";
