/** TIME_ZONE_INFORMATION in the words of HCS documents. Zero members are left out, the two dates never. */

export interface TimeZoneInformation {
  /** Minutes west of UTC. */
  Bias?: number;
  StandardName?: string;
  StandardDate: SystemTime;
  /** Minutes, added to `Bias` in standard time. */
  StandardBias?: number;
  DaylightName?: string;
  DaylightDate: SystemTime;
  /** Minutes, added to `Bias` in daylight time. */
  DaylightBias?: number;
}

/** SYSTEMTIME as time zones use it: "the `Day`th `DayOfWeek` of `Month`". */
export interface SystemTime {
  Year?: number;
  Month?: number;
  DayOfWeek?: number;
  Day?: number;
  Hour?: number;
  Minute?: number;
  Second?: number;
  Milliseconds?: number;
}
