import { z } from 'zod'
import { none, operation } from './operation'

/** How a check came out. `unknown`: it could not be looked at, and `text` says why. */
export const checkResults = ['pass', 'warn', 'fail', 'unknown'] as const
export type CheckResult = (typeof checkResults)[number]

/** Where the page puts a check. */
export const checkGroups = ['machine', 'data', 'link', 'site'] as const
export type CheckGroup = (typeof checkGroups)[number]

/** A sentence of `shared/text/checks`, for whoever shows it in another language. */
export const sentence = z.object({ key: z.string(), params: z.record(z.string(), z.union([z.string(), z.number()])) })

export const checkView = z.object({
  /** Stable, e.g. `free-space`; scripts may depend on it. Its title is `title.<id>` in `shared/text/checks`. */
  id: z.string(),
  group: z.enum(checkGroups),
  result: z.enum(checkResults),
  /** What was seen, in English. */
  text: z.string(),
  /** What to do about it, in English; null: nothing. */
  fix: z.string().nullable(),
  says: sentence,
  advises: sentence.nullable(),
  /** `diagnostics.fix` can do it. */
  isFixable: z.boolean(),
  durationMs: z.number(),
})
export type CheckView = z.infer<typeof checkView>

/** Names a check, e.g. for `only`. */
const checkId = z.string().min(1).max(64)

const checksView = z.object({ at: z.number(), checks: z.array(checkView) })

/** The checks as they run: `total` of them, those that are done so far in `checks`. `startedAt` null: none ran since the controller started. */
export const checkingView = z.object({
  startedAt: z.number().nullable(),
  finishedAt: z.number().nullable(),
  total: z.number(),
  checks: z.array(checkView),
})
export type CheckingView = z.infer<typeof checkingView>

export const bundleFile = z.object({
  name: z.string(),
  bytes: z.number(),
  /** The content, cut to `BUNDLE_TEXT_SHOWN` characters. */
  text: z.string(),
  isCut: z.boolean(),
})
export const BUNDLE_TEXT_SHOWN = 200_000
/** Of the files together, before they are packed. */
export const BUNDLE_BYTES_MAX = 8 * 1024 * 1024

export const diagnosticsOperations = {
  /** Runs the checks, or those named; one run at a time, which several callers share. Each has 3 s. */
  'diagnostics.checks': operation(
    'viewer',
    false,
    z.object({ only: z.array(checkId).max(100).optional() }),
    checksView,
  ),
  /** Mends what a check found, and checks again. Refused for a check that has no fix of its own. */
  'diagnostics.fix': operation('admin', true, z.object({ check: checkId }), checkView),
  /** What the bundle would hold, readable, before anything is given away. */
  'diagnostics.preview': operation(
    'admin',
    false,
    none,
    z.object({
      /** For `diagnostics.bundle`: it then holds exactly this. Kept for ten minutes; only the newest is. */
      previewId: z.string(),
      name: z.string(),
      at: z.number(),
      /** Of the files together; the packed bundle is smaller. */
      bytes: z.number(),
      files: z.array(bundleFile),
    }),
  ),
  /** A `.tar.gz` without names, addresses, paths and secrets. Counts as a change: that data left the controller stays in the audit. */
  'diagnostics.bundle': operation(
    'admin',
    true,
    z.object({ previewId: z.string().max(64).optional() }),
    z.object({ name: z.string(), bytes: z.number(), sha256: z.string(), base64: z.string() }),
  ),
} as const
