// `cert-renew agent ca-certificates`: the certificates of one CA's file, as they lie on this control plane (R11).
import { needed, say, type Environment } from './face.ts';
import { caIdOf, readAuthorityFile } from './harvest.ts';
import { env } from './protocol.ts';
import { caCertificatesMessage } from './seal.ts';

export async function run(environment: Environment, _signal: AbortSignal): Promise<number> {
  return await say(environment, () =>
    caCertificatesMessage(
      readAuthorityFile(environment, needed(environment, env.caCertPath)),
      caIdOf(environment),
    ),
  );
}
