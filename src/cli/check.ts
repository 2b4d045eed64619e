// cert-renew check: what the certificates of this node are worth, until when it is safe, and what to do next. Reads only.
import process from 'node:process';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { decide, type CheckReport } from './check/decide.ts';
import { checkNode, gather, type CheckNode } from './check/gather.ts';
import { selectNamed } from './check/named.ts';
import { renderJson } from './check/render-json.ts';
import { renderText } from './check/render-text.ts';
import { askServer } from './check/server.ts';
import { parse, readServer, unlessHelp, usage, type HostPort } from './grammar.ts';
import { localNode } from './local-node.ts';
import { say } from './output.ts';

interface RawOptions {
  readonly server?: HostPort;
  readonly json?: boolean;
}

export async function run(arguments_: readonly string[], signal: AbortSignal): Promise<number> {
  return await unlessHelp(parse<RawOptions>(command(), arguments_), async ({ options, operands }) => {
    const { server, json } = options;
    if (server !== undefined && operands.length > 0)
      throw usage('--server and FILE exclude each other', command());
    const files = operands.map((path) => resolve(path));
    const report = await check({ files, server }, signal);
    say(json === true ? renderJson(report) : renderText(report, showsColours()));
    return report.exitCode;
  });
}

const helpAfter = `
Files of this node are found from its own configuration. Only this node's own
endpoints are asked, unless --server names another. Nothing is written, no lock
is taken.

Exit codes, the first that holds: 11 something has expired; 2 something cannot
be read or its key does not fit (also usage errors); 10 something is due: less
than 20 % of its lifetime or 30 days, or what runs has an older one than the
file; 0 all fine. Copies in other users' kubeconfigs and the kubelet's
self-signed kubelet.crt are told, not counted; a CA counts once it has expired.`;

export function command(): Command {
  return new Command('cert-renew check')
    .description('Show the certificates of this node, until when it is safe, and what to do next.')
    .argument('[FILE...]', 'just these certificates (PEM) and kubeconfigs')
    .option('--server <host:port>', 'what this server shows, instead of the node', readServer)
    .option('--json', 'print one JSON object')
    .addHelpText('after', helpAfter);
}

interface Question {
  /** Absolute paths; empty: all of the node. */
  readonly files: readonly string[];
  readonly server: HostPort | undefined;
}

/** @throws CertError Unreachable when the server does not answer, Aborted */
export async function check(
  { files, server }: Question,
  signal: AbortSignal,
  node: CheckNode = checkNode(localNode()),
): Promise<CheckReport> {
  if (server !== undefined) return decide(await askServer(node, server, signal), node.now());
  const picture = await gather(node, signal);
  return decide(files.length === 0 ? picture : selectNamed(node.files, picture, files), node.now());
}

const showsColours = (): boolean =>
  process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb';
