// An answer of the API that is used again for a while: passes of the loop may follow one another at once.

export class LastAnswer<T> {
  #last: { readonly value: T; readonly at: number } | undefined;

  forget(): void {
    this.#last = undefined;
  }

  /** The last one, where it is younger than `freshFor` milliseconds. Errors: those of `ask`; they are not remembered. */
  async get(freshFor: number, ask: () => Promise<T>): Promise<T> {
    const at = performance.now();
    if (this.#last !== undefined && at - this.#last.at < freshFor) return this.#last.value;
    const value = await ask();
    this.#last = { value, at };
    return value;
  }
}
