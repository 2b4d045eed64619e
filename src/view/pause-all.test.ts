import { describe, expect, it } from 'vitest';
import { pauseAllPatch, withPaused } from './pause-all.ts';

describe('the configuration', () => {
  it.each([
    ['', true, 'paused: true\n'],
    ['# c\nmode: auto # d\npaused: false\n', true, '# c\nmode: auto # d\npaused: true\n'],
    ['paused: true\nmode: auto\n', false, 'paused: false\nmode: auto\n'],
    ['paused: true\n', true, undefined],
    ['mode: auto\n', false, undefined],
  ])('%j paused %j becomes %j', (text, paused, expected) => {
    expect(withPaused(text, paused)).toBe(expected);
  });

  it('that is no YAML is not written', () => {
    expect(() => withPaused('a: [', true)).toThrow(/mend it first/);
    expect(() => withPaused('- a', true)).toThrow(/mend it first/);
  });

  it('is written over as it was read, or not at all', () => {
    const map = { metadata: { resourceVersion: '7' }, data: { 'config.yaml': 'mode: auto\n' } };
    expect(pauseAllPatch(map, true)).toEqual({
      metadata: { resourceVersion: '7' },
      data: { 'config.yaml': 'mode: auto\npaused: true\n' },
    });
    expect(pauseAllPatch(map, false)).toBeUndefined();
    expect(() => pauseAllPatch(undefined, true)).toThrow(/is the product installed/);
  });

  it.each([
    ['an unknown field', 'bogus: 1\n'],
    ['a value of the wrong kind', 'scanInterval: soon\n'],
    ['one that says so already', 'bogus: 1\npaused: true\n'],
  ])('with a fault is refused, since the controller would not read it: %s', (_, text) => {
    const map = { metadata: { resourceVersion: '7' }, data: { 'config.yaml': text } };
    expect(() => pauseAllPatch(map, true)).toThrow(
      /would not read this: [^\n]+; mend it first, or pause single nodes$/,
    );
  });
});
