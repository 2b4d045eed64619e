import { describe, expect, it } from 'vitest';
import { ClockWatch, clockProblem, skewOf } from './skew.ts';

const at = (text: string): number => new Date(`2030-01-01T00:00:${text}Z`).getTime();

describe('the clock of the API server', () => {
  it.each([
    ['a Date cut to whole seconds is no skew', '05.000', '05.900', '05.950', 0],
    ['an answer that took long is no skew', '05.000', '01.000', '09.000', 0],
    ['a server ahead', '15.000', '05.000', '05.100', 9900],
    ['a server behind', '05.000', '16.000', '16.100', -10_001],
  ])('%s', (_, server, sent, received, skew) => {
    expect(skewOf({ server: new Date(at(server)), sent: at(sent), received: at(received) })).toBe(skew);
  });

  it('counts by the worst of the last answers', () => {
    const watch = new ClockWatch();
    expect(watch.worst()).toBeUndefined();
    watch.note({ server: new Date(at('10.000')), sent: at('10.000'), received: at('10.100') });
    watch.note({ server: new Date(at('01.000')), sent: at('12.000'), received: at('12.100') });
    expect(watch.worst()).toBe(-10_001);
    for (let i = 0; i < 20; i++) {
      watch.note({ server: new Date(at('10.000')), sent: at('10.000'), received: at('10.100') });
    }
    expect(watch.worst()).toBe(0);
  });
});

it.each([
  [300_000, undefined],
  [-300_000, undefined],
  [300_001, 'the clocks of controller and API server differ by more than 300 s'],
  [-86_400_000, 'the clocks of controller and API server differ by more than 300 s'],
])('a skew of %s ms with a limit of 300 s: %s', (skew, problem) => {
  expect(clockProblem(skew, 300_000)).toBe(problem);
});
