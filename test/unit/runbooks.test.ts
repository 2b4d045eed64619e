// The runbooks: each but the one without it begins with `cert-renew check`, the Chinese page has the same commands as the English one, and the
// list names every page.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runbooks, stepsOf } from '../e2e/lib/runbook.ts';

const read = (name: string): string => readFileSync(join(runbooks, name), 'utf8');
const all = readdirSync(runbooks);
const english = all.filter((name) => name.endsWith('.md') && !name.endsWith('.zh.md'));
const pages = english.filter((name) => name !== 'README.md');
const chineseOf = (name: string): string => name.replace(/\.md$/, '.zh.md');

/** Blocks with what stands behind their `sh`, and the steps between them. */
const commandsOf = (text: string): readonly string[] =>
  [...text.matchAll(/^ *```sh.*\n[\s\S]*?^ *```$|^<!-- .* -->$/gm)].map(([whole]) => whole);

const withoutTool = 'without-the-tool.md';

test('there are eight, and one does without the tool', () => {
  expect(pages).toHaveLength(8);
  const typed = stepsOf(read(withoutTool)).flatMap((step) => (step.kind === 'type' ? [step.script] : []));
  expect(typed.filter((script) => script.includes('cert-renew'))).toEqual([]);
});

test('without the tool nothing becomes current that holds no certificate', () => {
  const links = read(withoutTool).match(/^.*ln -sfn.*$/gm) ?? [];
  const guarded = 'openssl x509 -in "$pem" -noout -checkend 0 && ln -sfn ';
  expect(links).toHaveLength(2);
  expect(links.filter((line) => !line.startsWith(guarded))).toEqual([]);
});

test.each(pages.filter((name) => name !== withoutTool))('%s begins with cert-renew check', (name) => {
  const [first] = stepsOf(read(name));
  expect(first).toMatchObject({
    kind: 'type',
    script: '/var/lib/cluster-cert-rotator/bin/cert-renew check\n',
  });
});

test.each(english)('%s: the Chinese page has the same commands, in the same order', (name) => {
  expect(commandsOf(read(name)).length).toBeGreaterThan(0);
  expect(commandsOf(read(chineseOf(name)))).toEqual(commandsOf(read(name)));
});

test.each(english)('%s and its translation link to each other', (name) => {
  expect(read(name)).toContain(`](${chineseOf(name)})`);
  expect(read(chineseOf(name))).toContain(`](${name})`);
});

test('the project’s README links both lists', () => {
  const text = readFileSync(join(runbooks, '..', '..', 'README.md'), 'utf8');
  expect(text).toContain('](docs/runbooks/README.md)');
  expect(text).toContain('](docs/runbooks/README.zh.md)');
});

test.each(['README.md', 'README.zh.md'])('%s lists every page', (name) => {
  const text = read(name);
  const wanted = name === 'README.md' ? pages : pages.map(chineseOf);
  expect(wanted.filter((page) => !text.includes(`](${page})`))).toEqual([]);
});

test.each(pages)('%s: every block says where it is typed, and what it follows is there', (name) => {
  const text = read(name);
  expect(text).not.toMatch(/^```sh$/m);
  const followed = stepsOf(text).flatMap((step) => (step.kind === 'run' ? [step.page] : []));
  expect(followed.filter((page) => !pages.includes(page))).toEqual([]);
});

test.each(['sh everywhere', 'sh every-node exit=x', 'sh every-node exit=0 more=1'])(
  '```%s is no block',
  (info) => {
    expect(() => stepsOf(`\`\`\`${info}\ntrue\n\`\`\`\n`)).toThrow(
      /a runbook says|only exit=N,M and answer=WORD/,
    );
  },
);
