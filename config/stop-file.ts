import { existsSync } from "node:fs";

/** The local stop: while the file exists no act is performed. Read before every act, whatever the store does. */
export const stopFile = (path: string) => (): string | undefined => (existsSync(path) ? path : undefined);
