import fc from 'fast-check'

/**
 * One seed for every property, so that a run can be repeated and a red one is never luck. To look further than a run does:
 * `HOLDFAST_SEED=$RANDOM npm run vitest -- run test/unit`.
 */
fc.configureGlobal({ seed: Number(process.env['HOLDFAST_SEED'] ?? 20_261_121) })
