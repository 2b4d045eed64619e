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
    cache.remove(object('9'));
    expect(cache.put(object('10'))).toBe(false);
    expect(cache.replaceAll([object('10')])).toBe(false);
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

  it('is replaced by a list, keeps what is newer than the list, and says whether something changed', () => {
    const cache = new Cache();
    expect(cache.replaceAll([object('1'), object('2', 'u2', 'b')])).toBe(true);
    cache.put(object('7'));
    expect(cache.replaceAll([object('5')])).toBe(true);
    expect(cache.get('n/a')?.metadata?.resourceVersion).toBe('7');
    expect(cache.get('n/b')).toBeUndefined();
    expect(cache.replaceAll([object('7')])).toBe(false);
  });
});
