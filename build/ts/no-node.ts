// Fails the type check if the window's side can see Node.
// @ts-expect-error no Node
process.exit()
// @ts-expect-error no Node
Buffer.from('')
