import { describe, expect, it } from 'vitest';
import { Cache, type Cached } from './cache.ts';

function object(resourceVersion: string, uid = 'u1', name = 'a'): Cached {
  return { metadata: { name, namespace: 'n', uid, resourceVersion } };
}

describe('the cache of a reflector', () => {
  it('does not go back to an older version when the watch is behind our own write', () => {
    const cache = new Cache();
    cache.put(object('9'));
    expect(cache.put(object('10'))).toBe(true);
    expect(cache.put(object('9'))).toBe(false);
    expect(cache.get('n/a')?.metadata?.resourceVersion).toBe('10');
  });

  it('does not bring back what we deleted when the watch is behind', () => {
    const cache = new Cache();
    cache.put(object('9'));
    const mark = cache.mark();
    cache.remove(object('9'));
    expect(cache.put(object('10'))).toBe(false);
    expect(cache.replaceAll([object('10')], mark)).toBe(false);
    expect(cache.values()).toEqual([]);
  });

  it('takes another object under the same name, whatever its version', () => {
    const cache = new Cache();
    cache.put(object('9'));
    cache.put(object('3', 'u2'));
    expect(cache.get('n/a')?.metadata?.uid).toBe('u2');
    expect(cache.remove(object('9'))).toBe(false);
    expect(cache.get('n/a')?.metadata?.uid).toBe('u2');
  });

  it('is replaced by a list, keeps what was written after it began, and says whether something changed', () => {
    const cache = new Cache();
    expect(cache.replaceAll([object('1'), object('2', 'u2', 'b')], cache.mark())).toBe(true);
    const mark = cache.mark();
    cache.put(object('7'));
    cache.put(object('8', 'u3', 'c'));
    expect(cache.replaceAll([object('5')], mark)).toBe(true);
    expect(cache.get('n/a')?.metadata?.resourceVersion).toBe('7');
    expect(cache.get('n/b')).toBeUndefined();
    expect(cache.get('n/c')?.metadata?.resourceVersion).toBe('8');
    expect(cache.replaceAll([object('7'), object('8', 'u3', 'c')], cache.mark())).toBe(false);
  });

  it('keeps what we made in the place of what others deleted, though a list from before has that', () => {
    const cache = new Cache();
    cache.put(object('9'));
    const mark = cache.mark();
    cache.put(object('11', 'u2'));
    expect(cache.replaceAll([object('10')], mark)).toBe(false);
    expect(cache.get('n/a')).toEqual(object('11', 'u2'));
    expect(cache.replaceAll([object('10')], cache.mark())).toBe(true);
    expect(cache.get('n/a')).toEqual(object('10'));
  });

  it('keeps what we made in the place of what we deleted, whatever a list from before says', () => {
    const cache = new Cache();
    cache.put(object('9'));
    const mark = cache.mark();
    cache.remove(object('9'));
    cache.put(object('10', 'u2'));
    expect(cache.replaceAll([object('9')], mark)).toBe(false);
    expect(cache.values()).toEqual([object('10', 'u2')]);
  });

  it('follows an API server that was restored to the past', () => {
    const cache = new Cache();
    cache.put(object('90'));
    cache.put(object('91', 'u2', 'b'));
    cache.remove(object('91', 'u2', 'b'));
    expect(cache.replaceAll([object('40'), object('41', 'u2', 'b')], cache.mark())).toBe(true);
    expect(cache.get('n/a')?.metadata?.resourceVersion).toBe('40');
    expect(cache.get('n/b')?.metadata?.resourceVersion).toBe('41');
    expect(cache.put(object('42', 'u2', 'b'))).toBe(true);
  });

  it('gives the same list until one of them comes, changes or goes', () => {
    const cache = new Cache();
    cache.put(object('1'));
    const list = cache.values();
    cache.put(object('1'));
    cache.remove(object('1', 'u2'));
    cache.replaceAll([object('1')], cache.mark());
    expect(cache.values()).toBe(list);
    const changes = [
      () => cache.put(object('2')),
      () => cache.replaceAll([object('3')], cache.mark()),
      () => cache.remove(object('3')),
    ];
    for (const change of changes) {
      const before = cache.values();
      expect(change()).toBe(true);
      expect(cache.values()).not.toBe(before);
    }
  });
});

const ready = (resourceVersion: string, isReady = true, uid = 'u1'): Cached & { status: object } => ({
  ...object(resourceVersion, uid),
  status: { isReady },
});

describe('the cache of what reports itself all the time', () => {
  it('hears no news in a version that differs in nothing but its version', () => {
    const cache = new Cache({ versionIsNoNews: true });
    cache.put(ready('9'));
    const [first] = cache.values();
    expect(cache.put(ready('10'))).toBe(false);
    expect(cache.replaceAll([ready('11')], cache.mark())).toBe(false);
    expect(cache.values()).toEqual([first]);
    expect(cache.get('n/a')).toBe(first);
    expect(cache.put(ready('12', false))).toBe(true);
    expect(cache.get('n/a')).toEqual(ready('12', false));
  });

  it('does not go back behind a version that was no news', () => {
    const cache = new Cache({ versionIsNoNews: true });
    cache.put(ready('9'));
    const mark = cache.mark();
    cache.put(ready('11'));
    expect(cache.put(ready('10', false))).toBe(false);
    expect(cache.replaceAll([ready('10', false)], mark)).toBe(false);
    expect(cache.get('n/a')).toEqual(ready('9'));
    // An API server that was restored to the past is followed all the same.
    expect(cache.replaceAll([ready('5', false)], cache.mark())).toBe(true);
    expect(cache.put(ready('6'))).toBe(true);
  });

  it('takes the same again under another uid', () => {
    const cache = new Cache({ versionIsNoNews: true });
    cache.put(ready('9'));
    expect(cache.put(ready('10', true, 'u2'))).toBe(true);
    expect(cache.get('n/a')?.metadata?.uid).toBe('u2');
  });

  it('counts the versions of another uid from its own, also where a list brings it', () => {
    const cache = new Cache({ versionIsNoNews: true });
    cache.put(ready('9'));
    cache.put(ready('1000'));
    expect(cache.replaceAll([ready('5', true, 'u2')], cache.mark())).toBe(true);
    expect(cache.put(ready('6', false, 'u2'))).toBe(true);
    expect(cache.put(ready('5', true, 'u2'))).toBe(false);
  });
});
