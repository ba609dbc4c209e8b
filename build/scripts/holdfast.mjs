#!/usr/bin/env node
// The `holdfast` command. In a checkout it first brings out/ up to date; then the command line interface runs in this very process.
import { fileURLToPath } from 'node:url'
import { continueOnNode24 } from './launch.mjs'

if (continueOnNode24(fileURLToPath(import.meta.url))) {
  const { buildIfStale, entry } = await import('./fresh.mjs')
  buildIfStale()
  await import(entry('cli').href)
}
