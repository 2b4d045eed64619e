/** What cert-renew's exit codes mean (design §3, R24). They are a contract: scripts read them. */
export const exitCodes = {
  done: 0,
  /** Something failed; every file is as it was. */
  failed: 1,
  /** Refused before anything was touched; also usage errors. */
  refused: 2,
  nothingToDo: 3,
  /** Run it again. */
  partlyDone: 4,
} as const;
