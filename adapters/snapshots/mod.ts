export { createFolderSnapshots } from "./folder.ts";
export type { Keep } from "./retention.ts";
export { createS3Snapshots, type S3Options } from "./s3.ts";
