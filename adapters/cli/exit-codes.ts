/** What the exit status of `lightsout` means. Scripts may rely on these numbers. */
export const exitCodes = {
  ok: { code: 0, meaning: "done" },
  failed: {
    code: 1,
    meaning:
      "failed or refused; with --wait also: ended without having done it; with --plan: it would stop; of config check, config diff and doctor: something is wrong or different",
  },
  usage: { code: 2, meaning: "the command line is not right" },
  unreachable: { code: 3, meaning: "Lightsout cannot be reached, or did not answer in time" },
  unauthorised: { code: 4, meaning: "the token is missing, wrong or not enough" },
  person: { code: 5, meaning: "with --wait: a person is asked, or has to say what happened" },
} as const;

/** One of the exit codes, by name. */
export type Exit = keyof typeof exitCodes;
