export const runSelftest = async () => {};
