from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="import",
            name="chosen_provider",
            field=models.CharField(blank=True, max_length=32),
        ),
    ]
