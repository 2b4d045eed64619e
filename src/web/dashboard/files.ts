// The page itself: a few files, read once and held compressed. What the build named by its content never changes.
import { readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { CertError } from '../../errors.ts';
import { asAnswer, type Answer } from './content.ts';

export interface StaticFile extends Answer {
  readonly immutable: boolean;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** By the path of the request: only what is in here is ever served. Errors: NotFound. */
export async function readStatic(directory: string): Promise<ReadonlyMap<string, StaticFile>> {
  const files = new Map<string, StaticFile>();
  for (const name of list(directory)) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    const answer = await asAnswer(readFileSync(join(directory, name)), type);
    files.set(`/${name}`, { ...answer, immutable: name.startsWith('assets/') });
  }
  const index = files.get('/index.html');
  if (index === undefined)
    throw new CertError('NotFound', 'the dashboard is not where the image has it', { file: directory });
  files.delete('/index.html');
  return files.set('/', index);
}

function list(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { recursive: true, encoding: 'utf8' });
  } catch (cause) {
    throw new CertError('NotFound', 'the dashboard is not where the image has it', {
      file: directory,
      cause,
    });
  }
}
