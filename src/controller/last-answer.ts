// An answer of the API that is used again for a moment: passes of the loop may follow one another at once.

export class LastAnswer<T> {
  readonly #freshFor: number;
  #last: { readonly value: T; readonly at: number } | undefined;

  /** @param freshFor milliseconds */
  constructor(freshFor: number) {
    this.#freshFor = freshFor;
  }

  forget(): void {
    this.#last = undefined;
  }

  /** Errors: those of `ask`; they are not remembered. */
  async get(ask: () => Promise<T>): Promise<T> {
    const at = performance.now();
    if (this.#last !== undefined && at - this.#last.at < this.#freshFor) return this.#last.value;
    const value = await ask();
    this.#last = { value, at };
    return value;
  }
}
