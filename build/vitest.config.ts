import path from 'node:path'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const root = path.resolve(import.meta.dirname, '..')
const folders = (...names: string[]) => names.map((name) => `test/${name}/**/*.test.ts`)
const buildsFirst = [path.join(root, 'build/test-setup.ts')]

// `crash`, `e2e` and `faults` start the built controller as processes of its own: out/ is built once before them.
export default defineConfig({
  root,
  test: {
    pool: 'forks',
    maxWorkers: 2,
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
          // Namespaces, paused processes and full disks disturb each other's timing.
          fileParallelism: false,
        },
      },
    ],
  },
})
