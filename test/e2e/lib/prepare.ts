// A bed made once for all cases of a folder: fresh, with the product's images, saved as `base`, and with 20 days left
// everywhere, saved as `due`.
import type { Bed } from './bed.ts';
import { loadImages } from './product.ts';

export async function prepare(bed: Bed): Promise<void> {
  const startedAt = performance.now();
  const tellSeconds = (what: string) =>
    console.log(`${((performance.now() - startedAt) / 1000).toFixed(0).padStart(4)} s  ${what}`);
  await bed.up({ fresh: true });
  tellSeconds('the bed is up');
  await loadImages(bed);
  await bed.save('base');
  await bed.reissue({ daysLeft: 20 });
  await bed.save('due');
  tellSeconds('images loaded, certificates made 20 days from their end, saved');
}

/** KEEP_BEDS=1 leaves the bed, to look at what a case has made of it. */
export async function putAway(bed: Bed): Promise<void> {
  if (process.env['KEEP_BEDS'] === undefined) await bed.down();
}
