import * as yaml from 'yaml';
import { describe, expect, it, vi } from 'vitest';
import { CertError } from '../errors.ts';
import { parseYaml } from './yaml-text.ts';

vi.mock('yaml', { spy: true });

function refusal(text: string): string {
  try {
    parseYaml(text, '/k');
  } catch (error) {
    if (error instanceof CertError && error.code === 'MalformedYaml') return error.message;
    throw error;
  }
  throw new Error('it was read');
}

describe('text that is no YAML', () => {
  it.each([
    ['users: [', '/k:1:9: cannot be read: Flow sequence'],
    ['a: 1\nb: "x\n', '/k:3:1: cannot be read: Missing closing "quote'],
    ['a:\n\t- b', '/k:2:1: cannot be read: Tabs are not allowed as indentation'],
    [`a: ${'['.repeat(3000)}`, /^\/k:1:\d+: cannot be read: Maximum call stack/],
  ])('is refused with its line, in one line: %#', (text, expected) => {
    expect(refusal(text)).toMatch(expected);
    expect(refusal(text)).not.toContain('\n');
  });

  it.each([
    [
      new yaml.YAMLParseError([5, 6], 'IMPOSSIBLE', 'lost at line 2, column 1:\n\nb: 2'),
      '/k:2:1: cannot be read as YAML: lost',
    ],
    [new RangeError('too deep\nby far'), '/k cannot be read as YAML: too deep'],
  ])('is refused likewise where the parser gives up: %#', (error, expected) => {
    vi.mocked(yaml.parseDocument).mockImplementationOnce(() => {
      throw error;
    });
    expect(refusal('a: 1\nb: 2\n')).toBe(expected);
  });
});
