// What the documents say can be followed: every relative link leads somewhere, and what a table claims of a long run has
// its evidence. What a machine must have is what the scripts ask for.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { suites } from '../suites.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (name: string): string => readFileSync(join(root, name), 'utf8');

function documents(): string[] {
  const inDocs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) =>
    join('docs', name),
  );
  const top = readdirSync(root).filter((name) => name.endsWith('.md'));
  return [...top, ...inDocs, 'test/bed/README.md', 'bench/README.md'].filter((name) => name.endsWith('.md'));
}

const linksOf = (text: string) =>
  [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target);

test.each(documents())('%s: every link leads somewhere', (name) => {
  const targets = linksOf(read(name)).filter((target) => !/^[a-z]+:/.test(target));
  const dead = targets.filter((target) => !existsSync(join(root, dirname(name), target)));
  expect(dead).toEqual([]);
});

test.each(documents())(
  '%s: a row of a table with the column "evidence" names a file that is there',
  (name) => {
    expect(rowsWithoutEvidence(read(name), dirname(name))).toEqual([]);
  },
);

test('a row that claims a run without evidence is found', () => {
  const table =
    '| run | evidence |\n| --- | --- |\n| many | [all](evidence/never-run.json) |\n| more | none |\n';
  expect(rowsWithoutEvidence(table, 'docs')).toHaveLength(2);
});

function rowsWithoutEvidence(text: string, directory: string): string[] {
  const bad: string[] = [];
  let column = -1;
  for (const line of text.split('\n')) {
    const cells = line.startsWith('|') ? line.split('|').map((cell) => cell.trim()) : [];
    if (cells.length === 0) column = -1;
    else if (column < 0) column = cells.indexOf('evidence');
    else if (!/^-+$/.test(cells[column] ?? '') && !hasEvidence(cells[column] ?? '', directory))
      bad.push(line);
  }
  return bad;
}

function hasEvidence(cell: string, directory: string): boolean {
  const files = linksOf(cell).map((target) => join(root, directory, target));
  return files.some((file) => existsSync(file) && relative(root, file).startsWith('docs/evidence/'));
}

test('the table of CONTRIBUTING.md names every Debian package that make test installs', () => {
  const asked = [
    ...suites.flatMap(({ command }) => command.match(/(?<=debian\.sh install )[^&]+/) ?? []),
    ...['bed.sh', 'build.sh', 'lib/cluster.sh'].flatMap(
      (name) => read(`test/bed/${name}`).match(/(?<=^ *need ).+$/gm) ?? [],
    ),
    ...(read('test/crash/run.ts').match(/(?<=^const packages = ').+(?='\.split)/m) ?? []),
  ].flatMap((words) => words.trim().split(' '));
  const rows = read('CONTRIBUTING.md').matchAll(/^\| *`make [\w-]+` *\|(.+)\|$/gm);
  const named = [...rows].flatMap(([, packages = '']) => packages.split(/[\s;]+/));
  expect(asked).toEqual(expect.arrayContaining(['chromium', 'haproxy', 'debootstrap', 'procps', 'strace']));
  expect(asked.filter((name) => !named.includes(name))).toEqual([]);
});
