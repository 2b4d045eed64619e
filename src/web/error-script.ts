// What a client gets instead of a download (R26). The manual's line saves whatever comes and makes it executable, so that
// an error must be a script, too: one that says what went wrong and fails.

export const scriptType = 'text/x-shellscript; charset=utf-8';

/** A `#!/bin/sh` script that prints `message` and exits 1. The message is ours alone: nothing of a request is in it. */
export function errorScript(status: number, message: string): string {
  const line = `cluster-cert-rotator: nothing was downloaded (HTTP ${status}): ${message}`;
  return `#!/bin/sh\n# An error in place of a download.\necho '${line.replaceAll("'", String.raw`'\''`)}' >&2\nexit 1\n`;
}
