import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

const never = new AbortController().signal;

test('so many go at once, the others in the order in which they came', async () => {
  const turns = new Turns(1);
  const said: string[] = [];
  const first = await turns.take(never);
  const others = ['b', 'c'].map(async (name) => {
    const done = await turns.take(never);
    said.push(name);
    done();
  });
  await Promise.resolve();
  expect(said).toEqual([]);
  first();
  await Promise.all(others);
  expect(said).toEqual(['b', 'c']);
});

test('who leaves the queue keeps nobody waiting, and no turn is lost', async () => {
  const turns = new Turns(1);
  const first = await turns.take(never);
  const leaving = new AbortController();
  const left = turns.take(leaving.signal);
  const stays = turns.take(never);
  leaving.abort();
  await expect(left).rejects.toMatchObject({ code: 'Aborted' });
  first();
  (await stays)();
  (await turns.take(never))();
  await expect(turns.take(AbortSignal.abort())).rejects.toMatchObject({
    message: 'its turn did not come in time',
  });
});
