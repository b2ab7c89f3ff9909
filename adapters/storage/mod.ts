export { createStorage, type ReadObjects } from "./storage.ts";
