// The runbooks as a person follows them: the `sh` blocks of docs/runbooks, each typed on the nodes that stand behind the
// word `sh`, in the order of the page. What a person copies from node to node is carried.
//
//   ```sh every-worker exit=11 answer=y           where, how it must end (0 when nothing is said), what is typed when it asks
//   <!-- carry first-control-plane /root/x every-worker -->   a file goes to the same directory of other nodes
//   <!-- run worker-expired.md -->                here a person follows another page
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Bed } from './bed.ts';

export const runbooks = join(import.meta.dirname, '..', '..', '..', 'docs', 'runbooks');

export const places = ['first-control-plane', 'every-control-plane', 'every-worker', 'every-node'] as const;
export type Place = (typeof places)[number];

export type Step =
  | {
      readonly kind: 'type';
      readonly place: Place;
      readonly exits: readonly number[];
      /** Typed at a terminal; undefined: there is none. */
      readonly answer: string | undefined;
      readonly script: string;
    }
  | { readonly kind: 'carry'; readonly from: Place; readonly path: string; readonly to: Place }
  | { readonly kind: 'run'; readonly page: string };

/** The steps of a page, in its order. A block `sh` without a place is for no bed: it is left out. */
export function stepsOf(markdown: string): readonly Step[] {
  const pattern = /^```sh(?: (.*))?\n([\s\S]*?)^```$|^<!-- (carry|run) (.*) -->$/gm;
  return [...markdown.matchAll(pattern)].flatMap(([, where, script = '', verb, words = '']): Step[] => {
    if (verb === 'run') return [{ kind: 'run', page: words }];
    if (verb === 'carry') return [carryOf(words.split(' '))];
    return where === undefined ? [] : [typed(where.split(' '), script)];
  });
}

function typed([place = '', ...more]: readonly string[], script: string): Step {
  const said = { exit: '0', ...Object.fromEntries(more.map((word) => word.split('='))) };
  const unknown = Object.keys(said).filter((word) => !['exit', 'answer'].includes(word));
  if (unknown.length > 0 || !/^\d+(,\d+)*$/.test(said.exit))
    throw new Error(`\`\`\`sh ${place} ${more.join(' ')}: only exit=N,M and answer=WORD may follow`);
  const exits = said.exit.split(',').map(Number);
  return { kind: 'type', place: placeOf(place), exits, answer: said.answer, script };
}

function carryOf([from = '', path = '', to = '']: readonly string[]): Step {
  return { kind: 'carry', from: placeOf(from), path, to: placeOf(to) };
}

function placeOf(word: string): Place {
  const place = places.find((each) => each === word);
  if (place === undefined) throw new Error(`a runbook says ${word}; there are ${places.join(', ')}`);
  return place;
}

/** One block on one node, as it ended. */
export interface Done {
  readonly page: string;
  readonly node: string;
  readonly script: string;
  readonly code: number;
  readonly seconds: number;
  readonly output: string;
}

/** Follows a page to its end. Errors: a block that ends otherwise than the page says, with what it printed. */
export async function followRunbook(bed: Bed, page: string): Promise<readonly Done[]> {
  const done: Done[] = [];
  for (const step of stepsOf(readFileSync(join(runbooks, page), 'utf8'))) {
    if (step.kind === 'run') done.push(...(await followRunbook(bed, step.page)));
    else if (step.kind === 'carry') carry(bed, step);
    else for (const node of nodesAt(bed, step.place)) done.push(await type(bed, page, node, step));
  }
  return done;
}

function nodesAt({ nodes, controlPlanes }: Bed, place: Place): readonly string[] {
  return {
    'first-control-plane': controlPlanes.slice(0, 1),
    'every-control-plane': controlPlanes,
    'every-worker': nodes.filter((node) => !controlPlanes.includes(node)),
    'every-node': nodes,
  }[place];
}

async function type(
  bed: Bed,
  page: string,
  node: string,
  { script, exits, answer }: Extract<Step, { kind: 'type' }>,
): Promise<Done> {
  const startedAt = performance.now();
  // as a person types it: what fails is seen, and nothing more is typed
  const shell = ['bash', '-e', '-c', script];
  const { code, stdout, stderr } = await (answer === undefined
    ? bed.tryExec(node, shell)
    : bed.tryExec(node, ['bash', '-c', atTerminal, script], { input: `${answer}\n` }));
  const seconds = (performance.now() - startedAt) / 1000;
  const output = stdout + stderr;
  const done = { page, node, script, code, seconds, output };
  if (exits.includes(code)) return done;
  throw new Error(`${tellDone(done)}\nmust end with ${exits.join(' or ')}; it printed:\n${output}`);
}

/** `script` makes a terminal, and ends as its command does. */
const atTerminal = 'export block=$0; exec script -qec \'bash -e -c "$block"\' /dev/null';

/** A USB stick: `*` in the last part of the path is any text. */
function carry(bed: Bed, { from, path, to }: Extract<Step, { kind: 'carry' }>): void {
  const directory = dirname(path);
  const [before = '', after] = basename(path).split('*');
  const isMeant = (name: string) =>
    after === undefined ? name === before : name.startsWith(before) && name.endsWith(after);
  const sources = nodesAt(bed, from);
  for (const source of sources) {
    for (const name of readdirSync(bed.file(source, directory)).filter(isMeant)) {
      for (const target of nodesAt(bed, to).filter((node) => node !== source)) {
        cpSync(bed.file(source, join(directory, name)), bed.file(target, join(directory, name)));
      }
    }
  }
}

export const tellDone = ({ page, node, script, code, seconds }: Done): string =>
  `${page}  ${node}  ${seconds.toFixed(1)} s  exit ${code}  ${script.trim().replaceAll('\n', ' ; ')}`;

/** The tool where the product lays it in advance. */
export function layTool(bed: Bed, nodes: readonly string[], executable: string): void {
  const directory = '/var/lib/cluster-cert-rotator/bin';
  const bytes = readFileSync(executable);
  for (const node of nodes) {
    mkdirSync(bed.file(node, directory), { recursive: true, mode: 0o700 });
    writeFileSync(bed.file(node, `${directory}/cert-renew`), bytes, { mode: 0o755 });
  }
}
