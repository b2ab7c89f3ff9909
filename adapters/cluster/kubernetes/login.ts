import { statSync } from "node:fs";
import { LightsoutError } from "#events";
import { type Credentials, createCredentials, type KubeconfigSource, loadKubeconfig } from "./kubeconfig.ts";

/** Where the API is and how it is logged in to. */
export interface Login {
  /** As `https://10.0.0.5:6443`. */
  readonly server: string;
  readonly credentials: Credentials;
}

/**
 * A kubeconfig as it is now: a file that was replaced is read again, and one that is not there yet is waited for, as before a cluster is made.
 * A file that is there and wrong throws `LO_CONFIG` at once; later the last good one stays in force.
 */
export function createLogins(source: KubeconfigSource): { now(): Login; close(): Promise<void> } {
  let read: string | undefined;
  let login: Login | undefined;
  const load = () => {
    const config = loadKubeconfig(source);
    void login?.credentials.close();
    login = { server: config.getCurrentCluster()?.server.replace(/\/+$/, "") ?? "", credentials: createCredentials(config) };
  };
  const refresh = () => {
    const version = source.file === undefined ? "text" : versionOf(source.file);
    if (version === undefined || version === read) return;
    read = version;
    try {
      load();
    } catch (error) {
      if (!login) throw error;
    }
  };
  refresh();
  return {
    now() {
      refresh();
      if (login) return login;
      throw new LightsoutError("LO_CONFIG", `there is no ${source.file} yet`, {
        hint: "Make the cluster first, or copy its kubeconfig there",
      });
    },
    close: async () => login?.credentials.close(),
  };
}

/** Changes with every replacement and every write; `undefined` where there is no such file. */
function versionOf(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  return found && `${found.ino}/${found.mtimeMs}/${found.size}`;
}
