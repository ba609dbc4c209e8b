/** Where a window stands, in the system's own coordinates. */
export interface Bounds {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export const usualSize = { width: 1_200, height: 800 }
export const leastSize = { width: 480, height: 400 }
/** So much of a window has to be on a display that it can be found and moved. */
const SHOWN_LEAST = 100

/**
 * Where the window opens: where it was, if a display is still there; otherwise in its old size on the first display.
 *
 * @param areas of all displays without their bars, the first one first
 */
export function placeWindow(remembered: Bounds | null, areas: readonly Bounds[]): Partial<Bounds> & typeof usualSize {
  if (remembered === null) return usualSize
  const home = areas.find((area) => isReachable(remembered, area))
  const area = home ?? areas[0]
  if (!area) return usualSize
  const width = Math.max(leastSize.width, Math.min(remembered.width, area.width))
  const height = Math.max(leastSize.height, Math.min(remembered.height, area.height))
  if (!home) return { width, height }
  return { x: remembered.x, y: remembered.y, width, height }
}

/** The bar with its title: without it no window can be taken hold of. */
function isReachable(window: Bounds, area: Bounds): boolean {
  const shared = Math.min(window.x + window.width, area.x + area.width) - Math.max(window.x, area.x)
  return shared >= SHOWN_LEAST && window.y >= area.y - 10 && window.y <= area.y + area.height - 40
}
