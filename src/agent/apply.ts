// `cert-renew agent apply`: takes the journal that `request` laid down to its end, without token and without the API.
// Started again by the kubelet it goes on where it was.
import process from 'node:process';
import { components } from '../catalogue/ids.ts';
import { CertError, describeError } from '../errors.ts';
import { apply, forget } from '../rotation/driver.ts';
import { defaultTimeouts, type Outcome, type Timeouts } from '../rotation/types.ts';
import { needed, say, seenNode, whole, type Environment, type SeenNode } from './face.ts';
import { fittingMessage } from './fitting.ts';
import { env } from './protocol.ts';
import { forgetRefusal, readRefusal } from './refusal.ts';
import { locked, rotationNode } from './rotation-node.ts';

export async function run(environment: Environment, signal: AbortSignal): Promise<number> {
  const node = seenNode(environment);
  const code = await say(
    environment,
    async () => fittingMessage(await locked(node, signal, () => work(node, environment, signal))),
    1,
  );
  // Only after the message is written: until then a restart must find the outcome again.
  if (code === 0) await locked(node, signal, () => Promise.resolve(tidy(node, environment)));
  return code;
}

async function work(node: SeenNode, environment: Environment, signal: AbortSignal): Promise<Outcome> {
  const rotation = rotationNode(environment, node);
  const rotationUID = needed(environment, env.rotationUID);
  const refusal = readRefusal(node.files, rotation.layout, rotationUID);
  if (refusal !== undefined) return refusal;
  const nodeUID = needed(environment, env.nodeUID);
  return await apply(rotation, { nodeUID, rotationUID, timeouts: timeoutsOf(environment) }, signal);
}

function tidy(node: SeenNode, environment: Environment): void {
  const rotation = rotationNode(environment, node);
  forgetRefusal(node.files, rotation.layout);
  try {
    forget(rotation);
  } catch (error) {
    // The outcome is told; a journal that could not be taken to its end stays for the next who comes.
    if (!(error instanceof CertError)) throw error;
    process.stderr.write(`cert-renew: ${describeError(error)}\n`);
  }
}

function timeoutsOf(environment: Environment): Timeouts {
  const seconds = whole(environment, env.componentTimeout, 0);
  if (seconds === 0) return defaultTimeouts;
  return {
    ...defaultTimeouts,
    component: Object.fromEntries(components.map((component) => [component, seconds * 1000])),
  };
}
