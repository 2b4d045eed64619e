// What the documents say can be followed: every relative link leads somewhere, and what a table claims of a long run has
// its evidence.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

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
  const targets = linksOf(readFileSync(join(root, name), 'utf8')).filter(
    (target) => !/^[a-z]+:/.test(target),
  );
  const dead = targets.filter((target) => !existsSync(join(root, dirname(name), target)));
  expect(dead).toEqual([]);
});

test.each(documents())(
  '%s: a row of a table with the column "evidence" names a file that is there',
  (name) => {
    expect(rowsWithoutEvidence(readFileSync(join(root, name), 'utf8'), dirname(name))).toEqual([]);
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
