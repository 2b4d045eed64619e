// Vitest's setup file of every case: the bed of this lane, made by the first case that comes to it, fresh, with the product's
// images, saved as `base`, and with 20 days left everywhere, saved as `due`. Each case starts from one of the two.
import process from 'node:process';
import type { Bed } from './bed.ts';
import { bedOf } from './fixture.ts';
import { loadImages } from './product.ts';
import { runStartedAt } from './run.ts';

async function prepare(bed: Bed): Promise<void> {
  const startedAt = performance.now();
  const tellSeconds = (what: string) =>
    console.log(`${((performance.now() - startedAt) / 1000).toFixed(0).padStart(4)} s  ${bed.name}: ${what}`);
  await bed.up({ fresh: true });
  tellSeconds('the bed is up');
  await loadImages(bed);
  await bed.save('base');
  await bed.reissue({ daysLeft: 20 });
  // 68 % of its life: due, but not yet the kubelet's own affair, which begins at 70 % and would change plans on the way
  await bed.reissue({ node: 'n1', ids: ['kubelet-client-current.pem'], daysLeft: 29 });
  await bed.save('due');
  tellSeconds('images loaded, certificates made 20 days from their end, saved');
}

const bed = bedOf(process.env['E2E'], Number(process.env['VITEST_POOL_ID'] ?? 1));
if ((bed.savedAt('due')?.getTime() ?? 0) < runStartedAt()) await prepare(bed);
