import { readFileSync, writeFileSync } from "node:fs";
import { written } from "./tables.ts";

/** `npm run docs`: writes into docs/reference.md what follows from the code. */
const page = new URL("../../docs/reference.md", import.meta.url);
writeFileSync(page, await written(readFileSync(page, "utf8")));
