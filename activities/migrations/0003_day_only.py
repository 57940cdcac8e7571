from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('activities', '0002_many_sources'),
    ]

    operations = [
        migrations.AddField(
            model_name='sourceactivity',
            name='day_only',
            field=models.BooleanField(default=False),
        ),
    ]
