/** What the plugin's exit codes mean. They are a contract: scripts read them. */
export const exitCodes = {
  done: 0,
  /** The API server could not be asked, or refused. */
  failed: 1,
  /** Refused before anything was asked of the cluster, such as words that are not understood; or no such node. */
  refused: 2,
  /** The person said no, or nothing waits for it. */
  nothingDone: 3,
} as const;

/** Of `status` alone, as `cert-renew check` has them: the worst counts. */
export const statusCodes = { fine: 0, needsPerson: 10, unsafe: 11 } as const;

export const exitCodeHelp = `Exit codes: 0 done, 1 the cluster could not be asked or refused, 2 not understood or no such node,
  3 nothing was done; status: 0 nothing needs you, 10 something needs you or is not known, 11 not safe.`;
