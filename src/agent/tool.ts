// The tool as it lies on a node for a day without an API (R18): the executable, renew-all.sh, and SHA256SUMS, by which
// `sha256sum -c` tells there that both are whole.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { sha256OfFile } from '../host/executable.ts';

export interface ToolFile {
  readonly name: string;
  readonly source: string;
  readonly sha256: string;
}

export interface Tool {
  /** What the image has of it: this executable, and the script that lies beside it. */
  readonly files: readonly ToolFile[];
  readonly checksums: { readonly name: 'SHA256SUMS'; readonly text: string; readonly sha256: string };
}

export function toolOf(executable: string): Tool {
  const script = join(dirname(executable), 'renew-all.sh');
  const files = [
    fileOf('cert-renew', executable),
    ...(fs.existsSync(script) ? [fileOf('renew-all.sh', script)] : []),
  ];
  const text = files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('');
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { files, checksums: { name: 'SHA256SUMS', text, sha256 } };
}

function fileOf(name: string, source: string): ToolFile {
  return { name, source, sha256: sha256OfFile(source) };
}
