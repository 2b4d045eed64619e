// kubectl-certrot, the plugin of kubectl: what the dashboard shows and does, in a terminal. It only wires.
import process from 'node:process';
import { complain } from './cli/output.ts';
import { askPerson } from './cli/question.ts';
import { describeError } from './errors.ts';
import { exitCodes } from './plugin/exit-codes.ts';
import { kubectlProcess } from './plugin/process.ts';
import { runPlugin } from './plugin/program.ts';

const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interruption.abort());
try {
  process.exitCode = await runPlugin(process.argv.slice(2), {
    run: kubectlProcess(interruption.signal),
    env: process.env,
    now: () => new Date(),
    ask: askPerson(),
    signal: interruption.signal,
  });
} catch (error) {
  // The last resort: whatever it is, one line, never a runtime's banner with a piece of the program in it.
  complain(`kubectl-certrot: ${describeError(error)}\n`);
  process.exitCode = exitCodes.failed;
}
