export const writeOverlay = async () => { throw new Error("later"); };
