// Builds the dashboard's page into dist/dashboard: what the web program serves, each file named by its content.
import { resolve } from 'node:path';
import { build } from 'vite';

await build({
  configFile: resolve(import.meta.dirname, '../dashboard/vite.config.ts'),
  logLevel: 'warn',
});
