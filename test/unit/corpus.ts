// Inputs that once found something, by the name of the reader in parsers.ts. They stay for good.

export const corpus: Readonly<Record<string, readonly string[]>> = {};
