/*
 * bench-null: the smallest program there is, for what it costs to launch one.
 */
int main(void)
{
    return 0;
}
