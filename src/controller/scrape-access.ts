// Who may read the metrics: whoever the API server lets GET /metrics, as with the components of Kubernetes itself. An
// answer is remembered for a while, by the token's sha256: a scrape comes every few seconds.
import { createHash } from 'node:crypto';

export type Access = 'allowed' | 'denied' | 'unauthenticated' | 'busy';

/** Milliseconds that an answer holds. */
const holds = { allowed: 60_000, denied: 10_000 } as const;
/** Answers that are remembered, and questions at once: who sends us many tokens must not hurt the API server. */
const [mostAnswers, mostQuestions] = [256, 4];

export class ScrapeAccess {
  readonly #ask: (token: string) => Promise<boolean>;
  readonly #answers = new Map<string, { readonly allowed: boolean; readonly until: number }>();
  #asking = 0;

  constructor(ask: (token: string) => Promise<boolean>) {
    this.#ask = ask;
  }

  /** `header`: of the request, `Authorization`. Errors: those of the question. */
  async of(header: string | undefined): Promise<Access> {
    const token = /^Bearer ([\w.~+/=-]{1,8192})$/i.exec(header ?? '')?.[1];
    if (token === undefined) return 'unauthenticated';
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.#answers.get(key);
    if (known !== undefined && known.until > performance.now()) return known.allowed ? 'allowed' : 'denied';
    if (this.#asking >= mostQuestions) return 'busy';
    this.#asking += 1;
    try {
      const allowed = await this.#ask(token);
      this.#remember(key, allowed);
      return allowed ? 'allowed' : 'denied';
    } finally {
      this.#asking -= 1;
    }
  }

  #remember(key: string, allowed: boolean): void {
    this.#answers.delete(key);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size >= mostAnswers && oldest !== undefined) this.#answers.delete(oldest);
    const until = performance.now() + (allowed ? holds.allowed : holds.denied);
    this.#answers.set(key, { allowed, until });
  }
}
