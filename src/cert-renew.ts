// cert-renew, the node's one program: the operator's tool and, by hidden faces, the agent. It only wires.
import process from 'node:process';
import type { Face } from './agent/faces.ts';
import { faces } from './agent/faces.ts';
import { describeError } from './errors.ts';
import { exitCodes } from './cli/exit-codes.ts';
import { complain } from './cli/output.ts';
import { runCli } from './cli/program.ts';

interface FaceModule {
  run(environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number>;
}

/** Literal names, so that the bundle holds them all; loaded when asked for, so that an operator's command starts at once. */
const faceModules: Readonly<Record<Face, () => Promise<FaceModule>>> = {
  scan: () => import('./agent/scan.ts'),
  request: () => import('./agent/request.ts'),
  apply: () => import('./agent/apply.ts'),
  'restart-kubelet': () => import('./agent/restart-kubelet.ts'),
  harvest: () => import('./agent/harvest.ts'),
  'ca-certificates': () => import('./agent/ca-certificates.ts'),
  stage: () => import('./agent/stage.ts'),
};

async function main(): Promise<number> {
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interruption.abort());
  const [first, face, ...rest] = process.argv.slice(2);
  if (first !== 'agent') return await runCli(process.argv.slice(2), interruption.signal);
  if (!isFace(face) || rest.length > 0) {
    complain(`cert-renew: agent needs one of: ${Object.keys(faces).join(', ')}\n`);
    return exitCodes.refused;
  }
  const module = await faceModules[face]();
  return await module.run(process.env, interruption.signal);
}

const isFace = (text: string | undefined): text is Face => text !== undefined && Object.hasOwn(faces, text);

try {
  process.exitCode = await main();
} catch (error) {
  // The last resort: whatever it is, one line, never a runtime's banner with a piece of the program in it.
  complain(`cert-renew: ${describeError(error)}\n`);
  const { exitOfUnexpected } = await import('./cli/unexpected.ts');
  process.exitCode = exitOfUnexpected(process.argv[2]);
}
