export { approvalDecided, approvalRequested } from "./approval.ts";
export {
  bootstrapRequested,
  coldStartRequested,
  etcdBootstrapRequested,
  etcdRestoreRequested,
  etcdSnapshotRequested,
  etcdSnapshotTaken,
} from "./cluster.ts";
export {
  driftCheckRequested,
  driftFound,
  driftGone,
  installRequested,
  machineBooted,
  maintenanceEntered,
  rebuildRequested,
  servingRequested,
} from "./machine.ts";
export { clusterSeen, nodeLost, nodeLostBefore, nodeReady, nodeRetired, nodeSick } from "./node.ts";
export {
  attestationEnded,
  freezeReleased,
  freezeRequested,
  holdReleased,
  holdRequested,
  offAttested,
  runCancelRequested,
  runResumeRequested,
  trustChanged,
} from "./operator.ts";
export {
  drillPassed,
  drillRequested,
  machineFoundOff,
  machineIdentified,
  powerChanged,
  powerCycle,
  powerOffRequested,
  powerOnRequested,
} from "./power.ts";
export { machineQuarantined, runFinished, runParked, runSuperseded } from "./run.ts";
export {
  componentUpgradeRequested,
  kubernetesUpgradeRequested,
  rolloutRequested,
  upgradeRequested,
  upgradeRolledBack,
} from "./upgrade.ts";
