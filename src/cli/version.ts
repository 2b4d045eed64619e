// cert-renew version.
import { Command } from 'commander';
import { exitCodes } from './exit-codes.ts';
import { say } from './output.ts';
import { parse } from './grammar.ts';

/** Put in by the build. */
declare const CERT_RENEW_VERSION: string | undefined;

export const version = typeof CERT_RENEW_VERSION === 'string' ? CERT_RENEW_VERSION : 'development';

export function run(arguments_: readonly string[]): Promise<number> {
  const command = new Command('cert-renew version').description('Print the version of this program.');
  const parsed = parse(command, arguments_);
  say('help' in parsed ? parsed.help : `cert-renew ${version}\n`);
  return Promise.resolve(exitCodes.done);
}
