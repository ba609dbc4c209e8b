import path from 'node:path'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const root = path.resolve(import.meta.dirname, '..')
const folders = (...names: string[]) => names.map((name) => `test/${name}/**/*.test.ts`)
const buildsFirst = [path.join(root, 'build/test-setup.ts')]

/**
 * Files that take long because they wait, whatever their size, the longest first: one that began last would keep the others waiting for it alone. Those that measure how soon
 * control moves come beside those that do least. All others come after them in Vitest's own order, which goes by size where nothing is known of earlier runs.
 */
const long = [
  ...['e2e/data-way', 'e2e/telemetry', 'e2e/control-life', 'e2e/control-partition', 'e2e/own-telemetry', 'e2e/secrets'],
  ...['e2e/shell-controller', 'e2e/pages-data', 'e2e/pages-settings', 'e2e/pages-site', 'e2e/control-page'],
  ...['crash/push', 'crash/control'],
  ...['faults/partition', 'faults/clock', 'faults/stopped', 'faults/damage', 'faults/full-disk'],
  ...['contract/modules/spare', 'contract/console/accounts', 'contract/link/network', 'contract/drivers/faults'],
  ...['contract/modules/runtime', 'contract/notify/channels'],
].map((name) => `/test/${name}.test.ts`)

const placeOf = ({ moduleId }: TestSpecification): number => {
  const place = long.findIndex((file) => moduleId.endsWith(file))
  return place < 0 ? long.length : place
}

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((one, other) => placeOf(one) - placeOf(other))
  }
}

// `crash`, `e2e` and `faults` start the built controller as processes of its own: out/ is built once before them.
export default defineConfig({
  root,
  test: {
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    passWithNoTests: true,
    reporters: ['default', path.join(root, 'build/totals-reporter.ts')],
    // A leaked handle shows as a worker that does not end; waiting longer would only hide it.
    teardownTimeout: 5_000,
    projects: [
      {
        plugins: [vue()],
        test: {
          name: 'unit',
          root,
          include: folders('unit', 'machine', 'contract', 'scenario', 'simulation', 'tidy'),
          exclude: folders('unit/renderer'),
          setupFiles: ['test/support/seeded.ts'],
          testTimeout: 15_000,
          hookTimeout: 15_000,
        },
      },
      {
        plugins: [vue()],
        test: {
          name: 'renderer',
          root,
          include: folders('unit/renderer'),
          environment: 'happy-dom',
          setupFiles: ['test/support/seeded.ts'],
          testTimeout: 15_000,
          hookTimeout: 15_000,
        },
      },
      {
        test: {
          name: 'crash',
          root,
          include: folders('crash'),
          setupFiles: ['test/support/seeded.ts'],
          globalSetup: buildsFirst,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          root,
          include: folders('e2e'),
          globalSetup: buildsFirst,
          testTimeout: 90_000,
          hookTimeout: 90_000,
        },
      },
      {
        test: {
          name: 'faults',
          root,
          include: folders('faults'),
          globalSetup: buildsFirst,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
