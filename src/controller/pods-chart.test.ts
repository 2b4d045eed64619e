import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { chartFile } from './pods-chart.ts';

it('the chart was rendered from these rights (else: node scripts/build-chart.ts)', () => {
  const file = new URL('../../deploy/chart/files/product.json', import.meta.url);
  expect(readFileSync(file, 'utf8')).toBe(chartFile());
});
