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

/** Of `check` (R24). More than one may hold: the worst counts, in this order: expired, unreadable, due. */
export const checkCodes = { fine: 0, unreadable: 2, due: 10, expired: 11 } as const;
