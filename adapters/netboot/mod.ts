export { createArms } from "./arms.ts";
