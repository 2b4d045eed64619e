/** Counts checks, prints the failed ones, and closes with the line that `make test` reads. */
export class Results {
  #passed = 0;
  #failed = 0;

  /** `judge` returns what is wrong, in words; nothing means passed. */
  check(name: string, judge: () => readonly string[]): void {
    const problems = attempt(judge);
    if (problems.length === 0) {
      this.#passed += 1;
      return;
    }
    this.#failed += 1;
    process.stdout.write(`FAILED ${name}\n${problems.map((problem) => `  ${problem}\n`).join('')}`);
  }

  close(): number {
    process.stdout.write(`${this.#passed} passed, ${this.#failed} failed\n`);
    return this.#failed === 0 && this.#passed > 0 ? 0 : 1;
  }
}

function attempt(judge: () => readonly string[]): readonly string[] {
  try {
    return judge();
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
