// Makes the bed of two once for all cases: fresh, with the product's images, saved as `base` and `due`.
import { bedOfTwo } from './lib/fixture.ts';
import { loadImages } from './lib/product.ts';

export async function setup(): Promise<void> {
  const bed = bedOfTwo();
  const startedAt = performance.now();
  const tellSeconds = (what: string) =>
    console.log(`${((performance.now() - startedAt) / 1000).toFixed(0).padStart(4)} s  ${what}`);
  await bed.up({ fresh: true });
  tellSeconds('bed of 1 + 1 is up');
  await loadImages(bed);
  await bed.save('base');
  await bed.reissue({ daysLeft: 20 });
  await bed.save('due');
  tellSeconds('images loaded, certificates made 20 days from their end, saved');
}

export async function teardown(): Promise<void> {
  if (process.env['KEEP_BEDS'] !== undefined) return;
  await bedOfTwo().down();
}
