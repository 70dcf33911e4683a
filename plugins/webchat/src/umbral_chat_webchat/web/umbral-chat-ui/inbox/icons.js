// The inbox's own icons: paths for `icon`, drawn on a field of 24 × 24.

export const ICONS = {
  back: "m15 5-7 7 7 7",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14m5 12 4.5 4.500",
  download: "M12 4v11m-5-4 5 5 5-5M5 20h14",
  close: "m6 6 12 12M18 6 6 18",
  inbox: "m4 13 3-8h10l3 8v6H4zh5l1 2.500h4l1-2.500h5",
  keyboard: "M3 7h18v11H3zm4 3.500h.5m3 0h.5m3 0h.5m3 0h.5M8 14.500h8",
  leave: "M10 4H5v16h5m4-12 4 4-4 4m4-4H9",
};
